export {
  BookstoreClient,
  type BookstoreClientOptions,
  BookstoreError,
  type Page,
  type Reply,
  type SearchQuery,
} from './bookstore-client.ts';
