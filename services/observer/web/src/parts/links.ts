const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** The address, if it is whole and leads to where a link may lead; null otherwise. */
export function safeHref(address: string): string | null {
  const url = URL.parse(address);
  return url !== null && SCHEMES.has(url.protocol) ? url.href : null;
}
