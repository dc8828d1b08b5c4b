/**
 * Hands bytes of this page to the browser to be saved.
 *
 * They are never opened: a page or an SVG of somebody else's would run with the rights of the inbox.
 */
export function saveFile(url: string, filename: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = filename;
  link.click();
}
