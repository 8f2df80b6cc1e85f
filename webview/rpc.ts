import type {
  ErrorData,
  EventMessage,
  FromWebview,
  RequestMessage,
  ResponseMessage,
  ToWebview,
} from '../src/protocol';

/** What VS Code gives a page. */
export interface Host {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

type Method = keyof FromWebview;
type ParamsOf<M extends Method> = Parameters<FromWebview[M]>[0];
type AnswerOf<M extends Method> = ReturnType<FromWebview[M]>;

/** A request that ended in an error: the host's, or `internal` when nobody answered in time. */
export class RequestError extends Error {
  constructor(readonly data: ErrorData) {
    super(data.message);
    this.name = 'RequestError';
  }
}

/** Seconds that an answer may take. Jobs end when they end: the footer shows them and cancels them. */
const PATIENCE: Record<Method, number> = {
  ready: 60,
  action: Infinity,
  keep: Infinity,
  takePlan: Infinity,
  range: 30,
  weights: 30,
  select: 10,
  copy: 10,
  report: 10,
};

/** The page's end of the wire: every request settles, in an answer or a {@link RequestError}. */
export class Rpc {
  #next = 1;
  #open = new Map<number, { resolve: (value: unknown) => void; reject: (e: unknown) => void }>();

  constructor(
    private readonly host: Host,
    private readonly onEvent: (event: ToWebview) => void,
    private readonly patience: Record<Method, number> = PATIENCE,
  ) {}

  /** Sends a request; the answer arrives through {@link receive}. */
  async request<M extends Method>(method: M, params: ParamsOf<M>): Promise<AnswerOf<M>> {
    const id = this.#next++;
    const message = { kind: 'request', id, method, params } as RequestMessage;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<AnswerOf<M>>((resolve, reject) => {
        this.#open.set(id, { resolve: resolve as (value: unknown) => void, reject });
        const seconds = this.patience[method];
        if (seconds < Infinity)
          timer = setTimeout(() => {
            reject(
              new RequestError({
                code: 'internal',
                message: `No answer to "${method}" within ${seconds} s.`,
                remedy: 'Close the editor tab and open it again.',
              }),
            );
          }, seconds * 1000);
        this.host.postMessage(message);
      });
    } finally {
      clearTimeout(timer);
      this.#open.delete(id);
    }
  }

  /** Takes a message from the host; what is not ours is left alone. */
  receive(data: unknown): void {
    const message = data as ResponseMessage | EventMessage | null;
    if (typeof message !== 'object' || message === null) return;
    if (message.kind === 'event') {
      this.onEvent(message.event);
    } else if (message.kind === 'response') {
      const waiting = this.#open.get(message.id);
      if ('error' in message) waiting?.reject(new RequestError(message.error));
      else waiting?.resolve(message.ok);
    }
  }
}

/** Tells the host about CSP violations and uncaught errors, at most 20 of them. */
export function reportProblems(rpc: Rpc): void {
  let left = 20;
  const report = (kind: 'csp' | 'error', text: string) => {
    if (left-- > 0) void rpc.request('report', { kind, text }).catch(() => undefined);
  };
  document.addEventListener('securitypolicyviolation', (event) => {
    report('csp', `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
  });
  window.addEventListener('error', (event) => {
    const stack = event.error instanceof Error ? event.error.stack : undefined;
    // fires when a layout takes two frames to settle; harmless
    if (!event.message.startsWith('ResizeObserver loop')) report('error', stack ?? event.message);
  });
  window.addEventListener('unhandledrejection', (event) => {
    const reason: unknown = event.reason;
    report('error', reason instanceof Error ? (reason.stack ?? reason.message) : String(reason));
  });
}
