/** A signal that is aborted with the first of two. `release` must be called when the work is over (`AbortSignal.any` has no such end). */
export function joinSignals(a: AbortSignal | undefined, b: AbortSignal): { readonly signal: AbortSignal; readonly release: () => void } {
  if (a === undefined) return { signal: b, release: () => undefined };
  const controller = new AbortController();
  const onA = (): void => controller.abort(a.reason);
  const onB = (): void => controller.abort(b.reason);
  if (a.aborted) onA();
  else if (b.aborted) onB();
  a.addEventListener('abort', onA, { once: true });
  b.addEventListener('abort', onB, { once: true });
  return {
    signal: controller.signal,
    release: () => {
      a.removeEventListener('abort', onA);
      b.removeEventListener('abort', onB);
    },
  };
}
