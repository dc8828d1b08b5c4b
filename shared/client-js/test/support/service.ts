// The service itself, as one process with a database and a NATS of its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Contract, Role } from '../../src/index.js';
import { until, within } from './until.js';

/** The workspace, seen from wherever these lines are compiled to: other packages use them, too. */
const REPOSITORY = workspaceOf(dirname(fileURLToPath(import.meta.url)));

/** The folder of this package. */
export const PACKAGE = join(REPOSITORY, 'shared/client-js');

const START_MS_MAX = 60_000;

/** A program of the workspace, from beside the standalone. */
export function program(name: string): string {
  const standalone = process.env.MESSAGING_STANDALONE ?? join(REPOSITORY, 'target/debug/messaging-standalone');
  const path = join(dirname(standalone), name);
  assert.ok(existsSync(path), `${path} is not built: cargo build --workspace --bins, or set MESSAGING_STANDALONE`);
  return path;
}

/** A contract and its two users, whom no other test knows. */
export interface Pair {
  contractId: string;
  ada: string;
  ben: string;
}

/** Rates are for the tests that are about them. */
const NO_RATES = { EVENTS_PER_SECOND: '0', REQUESTS_PER_SECOND: '0' };

export class Service {
  readonly secret = randomBytes(32).toString('hex');
  readonly #settings: Record<string, string>;
  readonly #folder: string;
  #process: ChildProcess | null = null;
  #address = '127.0.0.1:0';

  private constructor(settings: Record<string, string>, folder: string) {
    this.#settings = settings;
    this.#folder = folder;
  }

  /** A service that is ready. */
  static async start(settings: Record<string, string> = {}): Promise<Service> {
    const folder = await mkdtemp(join(tmpdir(), 'messaging-client-'));
    const service = new Service({ ...NO_RATES, ...settings }, folder);
    await service.restart();
    return service;
  }

  get url(): string {
    return `http://${this.#address}`;
  }

  /** Starts it (again), with the data and at the address that it had. */
  async restart(): Promise<void> {
    // A killed process may keep its folder locked for some milliseconds after its end, and the next one does not wait for that.
    await until('the service has its folder', async () => (await this.#spawn()) === 'ready', START_MS_MAX);
  }

  async #spawn(): Promise<'ready' | 'folder in use'> {
    const child = spawn(program('messaging-standalone'), {
      env: {
        PATH: [process.env.PATH, join(REPOSITORY, '.tools/bin')].join(delimiter),
        BIND_ADDR: this.#address,
        DATA_DIR: this.#folder,
        JWT_SECRET: this.secret,
        LOG_FORMAT: 'json',
        ...this.#settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        lines.push(line);
        const address = /"message":"listening","address":"([^"]+)"/.exec(line)?.[1];
        if (address !== undefined) this.#address = address;
      });
    }
    let hasEnded = false;
    child.on('close', () => {
      hasEnded = true;
    });
    const isInUse = (): boolean => lines.some((line) => line.includes('another process is using the data folder'));
    await until(
      'the service is ready',
      async () => {
        assert.ok(!hasEnded || isInUse(), `the service ended:\n${lines.join('\n')}`);
        return isInUse() || (!this.#address.endsWith(':0') && (await this.#isReady()));
      },
      START_MS_MAX,
    );
    return isInUse() ? 'folder in use' : 'ready';
  }

  /** Ends it without a word, as by a power cut. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it in order, and removes its data. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  /** A token of a user. */
  token(sub: string, { role = 'client', expiresInSeconds = 3_600 }: { role?: string; expiresInSeconds?: number } = {}): string {
    const iat = Math.floor(Date.now() / 1_000);
    const parts = [
      { alg: 'HS256', typ: 'JWT' },
      { sub, role, iat, exp: iat + expiresInSeconds },
    ].map(base64);
    const signature = createHmac('sha256', this.secret).update(parts.join('.')).digest('base64url');
    return [...parts, signature].join('.');
  }

  /** A token by the workspace's own tool, which holds for so many seconds. */
  async mintedToken(sub: string, seconds: number): Promise<string> {
    const minting = spawn(program('messaging-token'), ['--sub', sub, '--role', 'client', '--expires-in', `${String(seconds)}s`], {
      env: { JWT_SECRET: this.secret },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    minting.stdout.on('data', (part: Buffer) => {
      text += part.toString();
    });
    const [code] = (await once(minting, 'close')) as [number];
    assert.equal(code, 0);
    return text.trim();
  }

  /** A contract between two new users. */
  async pair(names: { milestones?: string[]; title?: string } = {}): Promise<Pair> {
    const id = randomUUID().slice(0, 8);
    return this.contract({ contractId: `c-${id}`, ada: `ada-${id}`, ben: `ben-${id}` }, names);
  }

  async contract(pair: Pair, { milestones = [], title = '' }: { milestones?: string[]; title?: string } = {}): Promise<Pair> {
    const body = {
      clientId: pair.ada,
      freelancerId: pair.ben,
      title: title === '' ? null : title,
      milestones: milestones.map((milestone) => ({ id: milestone, title: `Milestone ${milestone}` })),
    };
    await this.ask<Contract>(this.token('platform', { role: 'service' }), 'PUT', `/api/contracts/${pair.contractId}`, body);
    return pair;
  }

  /** Makes void what tokens a user has. */
  async revoke(userId: string): Promise<{ before: string }> {
    return this.ask(this.token('platform', { role: 'service' }), 'PUT', `/api/revocations/users/${userId}`);
  }

  /** A REST call without the client under test. */
  async ask<T>(token: string, method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${String(response.status)} ${text}`);
    return JSON.parse(text) as T;
  }

  /** A REST call as a user. */
  as<T>(userId: string, method: string, path: string, body?: unknown): Promise<T> {
    return this.ask<T>(this.token(userId), method, path, body);
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/health/ready`)).ok;
    } catch {
      return false;
    }
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await within('the end of the service', ended, START_MS_MAX);
  }
}

/** A side of a pair's contract. */
export function roleOf(pair: Pair, userId: string): Role {
  return pair.ada === userId ? 'client' : 'freelancer';
}

function workspaceOf(folder: string): string {
  if (existsSync(join(folder, 'Cargo.lock'))) return folder;
  const parent = dirname(folder);
  assert.notEqual(parent, folder, 'the tests are outside of the workspace');
  return workspaceOf(parent);
}

function base64(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
