/** The page with another text between two marks. */
export function replaceBetween(page: string, begin: string, end: string, text: string): string {
  return `${page.slice(0, page.indexOf(begin) + begin.length)}\n\n${text}\n\n${page.slice(page.indexOf(end))}`;
}
