/** A view of the inbox, as the address names it. */
export type Route =
  | { view: 'list' }
  | { view: 'conversation'; id: string }
  | { view: 'new'; contractId: string; milestoneId: string | null }
  | { view: 'unknown' };

/** Reads the path of an address. */
export function parseRoute(path: string): Route {
  const [root = '', first, second, ...more] = path.split('/').slice(1);
  const hasMore = more.some((part) => part !== '');
  if (root === '' && !first) return { view: 'list' };
  if (root === 'c' && isConversationId(first) && !second && !hasMore) return { view: 'conversation', id: first };
  if (root === 'new' && isPlatformId(first) && !hasMore) {
    if (!second) return { view: 'new', contractId: first, milestoneId: null };
    if (isPlatformId(second)) return { view: 'new', contractId: first, milestoneId: second };
  }
  return { view: 'unknown' };
}

export function formatRoute(route: Route): string {
  switch (route.view) {
    case 'conversation':
      return `/c/${route.id}`;
    case 'new':
      return route.milestoneId === null ? `/new/${route.contractId}` : `/new/${route.contractId}/${route.milestoneId}`;
    case 'list':
    case 'unknown':
      return '/';
  }
}

/** Ids of the service. */
function isConversationId(id: string | undefined): id is string {
  return id !== undefined && /^[0-9a-f]{24}$/.test(id);
}

/** Ids that the platform gives to contracts and milestones. */
export function isPlatformId(id: string | undefined): id is string {
  return id !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(id);
}
