import { toErrorData } from '../../errors';
import type { EventMessage, FromWebview, RequestMessage, ResponseMessage } from '../../protocol';

/** What answers the page: one handler a method, each of which may throw. */
export type Handlers = {
  [M in keyof FromWebview]: (
    params: Parameters<FromWebview[M]>[0],
  ) => ReturnType<FromWebview[M]> | Promise<ReturnType<FromWebview[M]>>;
};

/**
 * Answers one message of the page. Every request ends in a result or an error; what is not a request of
 * ours gets no answer.
 */
export async function answer(
  message: unknown,
  handlers: Handlers,
): Promise<ResponseMessage | null> {
  if (!isRequest(message)) return null;
  const { id, method, params } = message;
  try {
    if (!Object.hasOwn(handlers, method))
      throw new Error(`There is no method "${String(method)}".`);
    const handler = handlers[method] as (params: unknown) => unknown;
    return { kind: 'response', id, ok: (await handler(params)) ?? null };
  } catch (thrown) {
    return { kind: 'response', id, error: toErrorData(thrown) };
  }
}

/** An event on its way to the page. */
export function event(content: EventMessage['event']): EventMessage {
  return { kind: 'event', event: content };
}

function isRequest(message: unknown): message is RequestMessage {
  const { kind, id, method } = (message ?? {}) as Partial<RequestMessage>;
  return kind === 'request' && typeof id === 'number' && typeof method === 'string';
}
