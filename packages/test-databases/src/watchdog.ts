/**
 * A shell that outlives us for a moment: when this process ends in whatever way (Ctrl-C, SIGKILL, a crash), the shell's
 * standard input closes, and it kills the servers and removes their folder. So an interrupted test run leaves nothing.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

// Reads "+ SIGNAL PID", "- PID" and "done"; at the end of input it signals what is left, waits at most 5 s, kills, cleans up.
const SCRIPT = `
alive=""
while read -r verb a b; do
  case "$verb" in
    +) alive="$alive $a:$b" ;;
    -) rest=""; for s in $alive; do [ "\${s#*:}" = "$a" ] || rest="$rest $s"; done; alive="$rest" ;;
    done) exit 0 ;;
  esac
done
for s in $alive; do kill -"\${s%%:*}" "\${s#*:}" 2>/dev/null; done
for i in 1 2 3 4 5 6 7 8 9 10; do
  left=""; for s in $alive; do kill -0 "\${s#*:}" 2>/dev/null && left=1; done
  [ -z "$left" ] && break; sleep 0.5
done
for s in $alive; do kill -KILL "\${s#*:}" 2>/dev/null; done
rm -rf "$1"
`;

/** Guards the servers of one cluster. Owned by the cluster, which calls `dismiss` when it has stopped them itself. */
export class Watchdog {
  readonly #shell: ChildProcess;

  /** @param folder removed when this process ends before `dismiss` is called. */
  constructor(folder: string) {
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'test-database-watchdog', folder], {
      cwd: '/',
      detached: true, // A Ctrl-C on the terminal goes to the whole group; the watchdog must see the end, not be part of it.
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?(): void }).unref?.();
    this.#shell.stdin?.on('error', () => {});
  }

  guard(pid: number, signal: 'QUIT' | 'KILL'): void {
    this.#shell.stdin?.write(`+ ${signal} ${pid}\n`);
  }

  forget(pid: number): void {
    this.#shell.stdin?.write(`- ${pid}\n`);
  }

  /** Ends the watchdog without any killing. */
  async dismiss(): Promise<void> {
    if (this.#shell.exitCode !== null) return;
    const ended = once(this.#shell, 'exit');
    this.#shell.ref();
    this.#shell.stdin?.end('done\n');
    await ended;
  }
}
