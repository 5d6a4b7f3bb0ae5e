export { type Book, type BookInput, GENRES, type Genre } from './book.ts';
export { Bookstore, type BookstoreOptions } from './bookstore.ts';
export {
  BookstoreClient,
  type BookstoreClientOptions,
  BookstoreError,
  type Page,
  type Reply,
  type SearchQuery,
} from './bookstore-client.ts';
