import { describe, expect, test, vi } from 'vitest';
import type { RequestMessage, ToWebview } from '../../src/protocol';
import { RequestError, Rpc } from '../../webview/rpc';

function wire(patience?: number) {
  const sent: RequestMessage[] = [];
  const events: ToWebview[] = [];
  const host = {
    postMessage: (message: unknown) => void sent.push(message as RequestMessage),
    getState: () => undefined,
    setState: () => undefined,
  };
  const each = patience ?? Infinity;
  const rpc = new Rpc(host, (event) => events.push(event), {
    ready: each,
    action: each,
    keep: each,
    takePlan: each,
    range: each,
    weights: each,
    select: each,
    copy: each,
    report: each,
  });
  return { sent, events, rpc };
}

describe('every request settles', () => {
  test('in its own answer, whatever the order', async () => {
    const { sent, rpc } = wire();
    const one = rpc.request('select', { layer: 'a' });
    const two = rpc.request('range', { tensor: 't' });
    expect(sent.map(({ method }) => method)).toEqual(['select', 'range']);
    rpc.receive({ kind: 'response', id: sent[1]?.id, ok: { tensor: 't' } });
    rpc.receive({ kind: 'response', id: sent[0]?.id, ok: null });
    await expect(two).resolves.toEqual({ tensor: 't' });
    await expect(one).resolves.toBeNull();
  });

  test('in the host’s error, with its code', async () => {
    const { sent, rpc } = wire();
    const asked = rpc.request('keep', { layers: ['a'], keep: true });
    rpc.receive({
      kind: 'response',
      id: sent[0]?.id,
      error: { code: 'recipe.syntax', message: 'no', line: 3 },
    });
    await expect(asked).rejects.toMatchObject({ data: { code: 'recipe.syntax', line: 3 } });
    await expect(asked).rejects.toBeInstanceOf(RequestError);
  });

  test('in an error of its own when nobody answers', async () => {
    vi.useFakeTimers();
    try {
      const { rpc } = wire(2);
      const asked = rpc.request('ready', {});
      const caught = asked.catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(2001);
      expect(await caught).toMatchObject({ data: { code: 'internal' } });
    } finally {
      vi.useRealTimers();
    }
  });

  test('in an error when the message cannot be sent', async () => {
    const rpc = new Rpc(
      {
        postMessage: () => {
          throw new Error('cannot be cloned');
        },
        getState: () => undefined,
        setState: () => undefined,
      },
      () => undefined,
    );
    await expect(rpc.request('ready', {})).rejects.toThrow('cannot be cloned');
  });
});

test('events reach the page; foreign messages and late answers do nothing', () => {
  const { events, rpc } = wire();
  rpc.receive({ kind: 'event', event: { type: 'view', view: 'errors' } });
  rpc.receive(null);
  rpc.receive('noise');
  rpc.receive({ kind: 'response', id: 99, ok: null });
  expect(events).toEqual([{ type: 'view', view: 'errors' }]);
});
