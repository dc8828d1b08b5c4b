/** What a token says of its bearer. It is not verified: that is the service's to do. */
export interface Claims {
  userId: string;
  name: string | null;
  expiresAtMs: number | null;
}

/** Reads the claims of a JWT; null if it is none, or names no user. */
export function readClaims(token: string): Claims | null {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  try {
    const base64 = (parts[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown; name?: unknown; exp?: unknown } | null;
    if (typeof claims?.sub !== 'string' || claims.sub === '') return null;
    return {
      userId: claims.sub,
      name: typeof claims.name === 'string' && claims.name.trim() !== '' ? claims.name : null,
      expiresAtMs: typeof claims.exp === 'number' ? claims.exp * 1_000 : null,
    };
  } catch {
    return null;
  }
}
