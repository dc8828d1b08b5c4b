/** Origin of the service, as the page's head names it; the page's own if it names none. */
export function serviceUrl(): string {
  const named = document.querySelector<HTMLMetaElement>('meta[name="messaging-url"]')?.content.trim() ?? '';
  return URL.canParse(named) ? new URL(named).origin : location.origin;
}
