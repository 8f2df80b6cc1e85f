let closed: InstanceType<typeof MessagePort> | null = null;

/**
 * Gives the memory of arrays back at once. The collector knows typed arrays by their few bytes on its heap and may leave tens of
 * megabytes of dead ones lying before it looks; a buffer that is sent to a port that nobody reads is gone with the call.
 * Whoever still has the arrays finds them empty.
 */
export function free(...arrays: readonly ArrayBufferView[]): void {
  if (!closed) {
    const { port1, port2 } = new MessageChannel();
    port1.close();
    closed = port2;
  }
  const buffers = new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer));
  closed.postMessage(null, [...buffers]);
}

/** Whether an array is all of its buffer, and not a part of one that others may be in too. */
export function ownsBuffer({ buffer, byteLength }: ArrayBufferView): boolean {
  return buffer.byteLength === byteLength;
}
