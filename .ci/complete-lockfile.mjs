#!/usr/bin/env node
// Adds to package-lock.json the platform builds that the registry in use did not offer when the lockfile was made.
//
// A tool with a binary a platform names them all as optionalDependencies, each at its own exact version. A registry
// mirror may carry only some of them; npm then leaves the others out of the lockfile without a word, and the next
// `npm ci` stops with "Missing: … from lock file", on every platform. The entries written here carry what npm needs to
// skip the package (os, cpu, libc, read from its name) and no integrity, which only the registry knows: run
// `npm install --package-lock-only` against a registry that has them all to fill it in.
//
// Usage: node .ci/complete-lockfile.mjs [package-lock.json]      (says what it added; adds nothing twice)
import { readFileSync, writeFileSync } from 'node:fs';

const systems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
  'aix',
];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

/** What a name such as `@x/cli-linux-x64-musl` says of its platform; undefined when it says nothing certain. */
function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : undefined;
  return { os: [os], cpu: [cpu], ...(libc === undefined || os !== 'linux' ? {} : { libc: [libc] }) };
}

const file = process.argv[2] ?? 'package-lock.json';
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (lock.packages[`${path}/node_modules/${name}`] || lock.packages[`node_modules/${name}`]) continue;
    const platform = platformOf(name);
    if (platform === undefined || !/^\d+\.\d+\.\d+\S*$/.test(version)) {
      process.stderr.write(
        `${name}@${version} (of ${path}) is missing and its name does not tell its platform: add it by hand\n`,
      );
      process.exitCode = 1;
      continue;
    }
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: platform.cpu,
      ...(entry.dev ? { dev: true } : {}),
      ...(platform.libc ? { libc: platform.libc } : {}),
      optional: true,
      os: platform.os,
    };
    added.push(`${name}@${version}`);
  }
}
if (added.length > 0) {
  const root = lock.packages[''];
  const rest = Object.entries(lock.packages).filter(([path]) => path !== '');
  rest.sort(([a], [b]) => a.localeCompare(b, 'en'));
  lock.packages = { '': root, ...Object.fromEntries(rest) };
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
process.stdout.write(
  `${added.length === 0 ? `${file} is complete` : `added to ${file}:\n  ${added.join('\n  ')}`}\n`,
);
