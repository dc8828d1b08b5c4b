import { serviceUrl } from './service_url.js';

/** A user whom a service for demonstrations lets anyone be. */
export interface DemoUser {
  userId: string;
  role: string;
  name: string;
  token: string;
}

/** What a service for demonstrations offers. */
export interface Demo {
  users: DemoUser[];
  contracts: { id: string; title: string }[];
}

const ASK_MS_MAX = 10_000;

/**
 * Asks the service for its demo users; null if it has none, as a real one.
 *
 * A server that answers each unknown path with the page itself has none either.
 */
export async function askForDemo(): Promise<Demo | null> {
  const response = await fetch(`${serviceUrl()}/demo.json`, { signal: AbortSignal.timeout(ASK_MS_MAX) });
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return response.ok && isJson ? readDemo(await response.json()) : null;
}

function readDemo(said: unknown): Demo | null {
  const { users, contracts } = (said ?? {}) as { users?: unknown; contracts?: unknown };
  if (!Array.isArray(users) || !users.every(isDemoUser)) return null;
  return { users, contracts: Array.isArray(contracts) ? contracts.filter(isDemoContract) : [] };
}

function isDemoUser(said: unknown): said is DemoUser {
  return hasTexts(said, ['userId', 'role', 'name', 'token']);
}

function isDemoContract(said: unknown): said is Demo['contracts'][number] {
  return hasTexts(said, ['id', 'title']);
}

function hasTexts(said: unknown, fields: string[]): boolean {
  if (typeof said !== 'object' || said === null) return false;
  return fields.every((field) => typeof (said as Record<string, unknown>)[field] === 'string');
}
