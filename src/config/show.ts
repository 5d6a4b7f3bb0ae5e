/**
 * `config show`: the long form with every default, each value followed by the line that it came from or by `default`.
 * What comes out loads again as the same configuration, but for the secrets, which stay hidden.
 */
import { Document, isMap, isPair, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import * as z from 'zod';
import { type Path, pathText } from './diagnostic.ts';
import type { Origins } from './origins.ts';
import { fileSchema, type LongForm } from './schema/file.ts';
import { MASK } from './secret.ts';

export interface Shown {
  readonly long: LongForm;
  readonly origins: () => Origins;
}

/** YAML text, ending with a line feed. */
export function showConfig(loaded: Shown): string {
  const document = new Document(hideSecrets(z.encode(fileSchema, loaded.long)));
  annotate(document.contents, [], loaded.origins());
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: true });
  // the printer puts the comment of an empty list on a line of its own
  return text.replace(/:\n +(\[\]|\{\})\n +(#.*)$/gm, ': $1 $2');
}

type Written = z.input<typeof fileSchema>;

const hide = <T>(secret: T): T | string => (typeof secret === 'string' ? MASK : secret);

function hideSecrets(input: Written): Written {
  const tokens = input.admin?.tokens?.map((each) => ({ ...each, token: hide(each.token) }));
  const tenants = Object.entries(input.tenants ?? {}).map(([name, tenant]) => {
    const keys = tenant.api_keys?.map((key) => (key.hash === undefined ? key : { ...key, hash: MASK }));
    return [name, keys === undefined ? tenant : { ...tenant, api_keys: keys }];
  });
  return {
    ...input,
    ...(tokens && { admin: { ...input.admin, tokens } }),
    ...(input.shared_limits && { shared_limits: hideInShared(input.shared_limits) }),
    ...(input.routes && { routes: input.routes.map(hideInRoute) }),
    ...(input.tenants && { tenants: Object.fromEntries(tenants) }),
  };
}

type WrittenShared = NonNullable<Written['shared_limits']>;

function hideInShared(shared: WrittenShared): WrittenShared {
  return shared.password === undefined ? shared : { ...shared, password: hide(shared.password) };
}

type WrittenRoute = NonNullable<Written['routes']>[number];

function hideInRoute(route: WrittenRoute): WrittenRoute {
  const { auth } = route;
  if (typeof auth !== 'object') return route;
  if (auth.type === 'jwt' && auth.secret !== undefined)
    return { ...route, auth: { ...auth, secret: hide(auth.secret) } };
  if (auth.type !== 'basic' || auth.users === undefined) return route;
  const users = Object.entries(auth.users).map(([name, hash]) => [name, hide(hash)]);
  return { ...route, auth: { ...auth, users: Object.fromEntries(users) } };
}

function annotate(node: unknown, path: Path, origins: Origins): void {
  if (isMap(node)) {
    if (node.items.length === 0) comment(node, path, origins);
    for (const pair of node.items)
      if (isPair(pair) && isScalar(pair.key))
        annotate(pair.value, [...path, String((pair.key as Scalar).value)], origins);
  } else if (isSeq(node)) {
    if (node.items.length === 0) comment(node, path, origins);
    if (node.items.length > 0 && node.items.every((item) => isScalar(item))) node.flow = true;
    node.items.forEach((item, index) => {
      if (!node.flow) annotate(item, [...path, index], origins);
    });
    if (node.flow) comment(node, path, origins);
  } else if (isScalar(node)) {
    comment(node, path, origins);
  }
}

function comment(node: Node, path: Path, origins: Origins): void {
  const line = origins.get(pathText(path));
  node.comment = line === undefined ? ' default' : ` line ${line}`;
}
