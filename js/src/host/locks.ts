/**
 * Who lives, told by Web Locks: they are let go when their page or worker is gone, however it went. Message ports do not
 * tell that everywhere.
 */

/** Undefined in pages that are not secure (https or this machine), and in Node. */
function locks(): LockManager | undefined {
  return (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks;
}

/** Holds a lock of a new name until `release` is called; its name is null where there are no locks. */
export async function holdLock(prefix: string): Promise<{ name: string | null; release: () => void }> {
  const manager = locks();
  if (!manager) return { name: null, release: () => undefined };
  const name = `${prefix} ${crypto.randomUUID()}`;
  return new Promise((resolve, reject) => {
    manager
      .request(name, () => new Promise<void>((release) => resolve({ name, release })))
      .catch(reject);
  });
}

/** Calls `gone` once the holder of that lock is gone; the function that is returned stops waiting for that. */
export function watchLock(name: string | null, gone: () => void): () => void {
  const manager = locks();
  if (!manager || name === null) return () => undefined;
  const controller = new AbortController();
  manager.request(name, { signal: controller.signal }, gone).catch(() => undefined);
  return () => controller.abort();
}

/** Whether the holder of that lock is gone within so many milliseconds; true where there are no locks. */
export async function lockGoes(name: string, ms: number): Promise<boolean> {
  const manager = locks();
  if (!manager) return true;
  try {
    return await manager.request(name, { signal: AbortSignal.timeout(ms) }, () => true);
  } catch {
    return false;
  }
}
