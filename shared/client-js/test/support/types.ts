// Checks types by the compiler itself.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

import { PACKAGE } from './service.js';

const FOLDER = join(PACKAGE, 'build/wire');

/** What sources begin with that name the client's types. */
export const TYPES = `import type * as sdk from '../../src/index.js';
export type Flat<T> = { [K in keyof T]: T[K] };
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
`;

/** A line that compiles only if two types are the same one: the same fields, equally optional, of the same types. */
export function same(name: string, one: string, other: string): string {
  return `export const ${name}: Same<Flat<${one}>, Flat<${other}>> = true;\n`;
}

/** Types made of JSON schemas, as source. */
export async function typesOf(schemas: Record<string, unknown>): Promise<string> {
  const document = { openapi: '3.1.0', info: { title: 'Schemas', version: '0' }, paths: {}, components: { schemas } };
  return astToString(await openapiTS(document as Parameters<typeof openapiTS>[0]));
}

/** What the compiler says against some sources, by their names, each fault with the line it is in. */
export async function faultsOf(sources: Record<string, string>): Promise<Record<string, string[]>> {
  await mkdir(FOLDER, { recursive: true });
  const files = new Map(Object.keys(sources).map((name) => [join(FOLDER, `${name}.ts`), name]));
  for (const [file, name] of files) await writeFile(file, sources[name] ?? '');
  const { config } = ts.readConfigFile(join(PACKAGE, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, PACKAGE);
  const program = ts.createProgram([...files.keys()], options);
  const faults: Record<string, string[]> = Object.fromEntries(Object.keys(sources).map((name) => [name, []]));
  for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(program)) {
    const name = files.get(file?.fileName ?? '') ?? 'elsewhere';
    const line = file?.text.split('\n')[file.getLineAndCharacterOfPosition(start).line] ?? '';
    (faults[name] ??= []).push(`${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  }
  return faults;
}
