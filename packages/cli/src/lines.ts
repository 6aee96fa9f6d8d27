import type { Readable } from 'node:stream';

/**
 * The lines of a stream of UTF-8, without their ends (LF or CRLF). Only these end a line: a JSON text may hold U+2028, at which
 * `node:readline` would break it.
 */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest: string[] = [];
  for await (const chunk of stream.setEncoding('utf8')) {
    const text = chunk as string;
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      rest.push(text.slice(start, end));
      yield withoutReturn(rest.join(''));
      rest = [];
      start = end + 1;
    }
    if (start < text.length) rest.push(text.slice(start));
  }
  if (rest.length > 0) yield withoutReturn(rest.join(''));
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
