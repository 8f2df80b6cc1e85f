/**
 * A host without VS Code: it answers the page's requests from a made-up state, keeps what was asked for
 * the tests to read (`window.harness`), and can push events.
 */
import type {
  EventMessage,
  InspectorState,
  RequestMessage,
  ResponseMessage,
  ToWebview,
} from '../../../src/protocol';
import { rangeDetail, states, weightDetail } from './states';

interface Harness {
  asked: RequestMessage[];
  violations: string[];
  push(event: ToWebview): void;
  state: InspectorState;
}

declare global {
  interface Window {
    harness: Harness;
    acquireVsCodeApi: () => unknown;
  }
}

const query = new URLSearchParams(location.search);
const make = states[query.get('state') ?? 'done'];
if (!make) throw new Error('no such state');
const state = make();
let saved: unknown = JSON.parse(query.get('page') ?? 'null');

window.harness = {
  asked: [],
  violations: [],
  state,
  push(event) {
    const message: EventMessage = { kind: 'event', event };
    window.postMessage(message);
  },
};
document.addEventListener('securitypolicyviolation', (event) => {
  window.harness.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});

function answer(message: RequestMessage): unknown {
  switch (message.method) {
    case 'ready':
      return state;
    case 'range':
      return rangeDetail(state, message.params.tensor);
    case 'weights':
      return weightDetail(state, message.params.layer);
    case 'takePlan': {
      const kept = message.params.choices.map(({ layer }) => layer);
      state.recipe = { ...state.recipe, kept };
      window.harness.push({ type: 'state', state: { recipe: state.recipe } });
      return null;
    }
    case 'keep': {
      const { layers, keep } = message.params;
      const kept = state.recipe.kept.filter((name) => !layers.includes(name));
      state.recipe = { ...state.recipe, kept: keep ? [...kept, ...layers] : kept };
      window.harness.push({ type: 'state', state: { recipe: state.recipe } });
      return null;
    }
    default:
      return null;
  }
}

window.acquireVsCodeApi = () => ({
  getState: () => saved,
  setState: (next: unknown) => (saved = next),
  postMessage(message: RequestMessage) {
    window.harness.asked.push(message);
    let response: ResponseMessage;
    try {
      response = { kind: 'response', id: message.id, ok: answer(message) };
    } catch (error) {
      response = {
        kind: 'response',
        id: message.id,
        error: { code: 'internal', message: String(error) },
      };
    }
    setTimeout(() => window.postMessage(response));
  },
});
