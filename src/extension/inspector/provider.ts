import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import type { InspectorState, PlannedLayer, ToWebview } from '../../protocol';
import type { CommandName } from '../manifest/commands';
import { ids } from '../manifest/ids';
import type { ModelSession } from '../session/session';
import { PatchThrottle } from '../session/throttle';
import type { Sessions } from '../sessions';
import type { Log } from '../log';
import { inspectorHtml } from './html';
import { answer, event, type Handlers } from './rpc';

/** Ten messages a second are as many as anyone can read. */
const pushEveryMs = 100;

export interface InspectorServices {
  sessions: Sessions;
  log: Log;
  extensionUri: vscode.Uri;
  run: (command: CommandName, ...args: unknown[]) => Thenable<unknown>;
  keep(session: ModelSession, layers: string[], keep: boolean): Promise<void>;
  takePlan(session: ModelSession, choices: PlannedLayer[]): Promise<void>;
  /** The page's selection moved; the recipe's editor may follow. */
  select(session: ModelSession, layer: string | null): void;
}

class ModelDocument implements vscode.CustomDocument {
  constructor(
    readonly uri: vscode.Uri,
    readonly session: ModelSession,
  ) {}

  dispose(): void {
    // the session outlives its views: a job goes on, and its result is there when the tab comes back
  }
}

/** The editor of `*.onnx`: pages that all show the one session of their model. */
export class InspectorProvider implements vscode.CustomReadonlyEditorProvider<ModelDocument> {
  private readonly pages = new Map<ModelSession, Set<vscode.WebviewPanel>>();

  constructor(private readonly services: InspectorServices) {}

  register(): vscode.Disposable {
    return vscode.window.registerCustomEditorProvider(ids.editor, this, {
      supportsMultipleEditorsPerDocument: true,
    });
  }

  openCustomDocument(uri: vscode.Uri): ModelDocument {
    if (uri.scheme !== 'file')
      throw new Error(
        vscode.l10n.t('Vernier reads models from files; this one is "{0}:".', uri.scheme),
      );
    const session = this.services.sessions.get(uri.fsPath);
    void session.ensureSummary();
    return new ModelDocument(uri, session);
  }

  resolveCustomEditor(document: ModelDocument, panel: vscode.WebviewPanel): void {
    const { session } = document;
    const assets = vscode.Uri.joinPath(this.services.extensionUri, 'dist', 'webview');
    panel.webview.options = { enableScripts: true, localResourceRoots: [assets] };
    const { webview } = panel;
    const send = (content: ToWebview) => void webview.postMessage(event(content));
    const throttle = new PatchThrottle<InspectorState>(
      (state) => send({ type: 'state', state }),
      pushEveryMs,
    );
    const stop = session.onDidChange((patch) => {
      throttle.push(patch);
      // what was clicked for must be seen at once; only progress may wait
      if (!('job' in patch) || patch.job === null || Object.keys(patch).length > 1)
        throttle.flush();
    });
    const handlers = this.handlers(document);
    const listening = webview.onDidReceiveMessage(async (message: unknown) => {
      const reply = await answer(message, handlers);
      if (reply) await webview.postMessage(reply);
    });
    panel.onDidDispose(() => {
      stop();
      throttle.dispose();
      listening.dispose();
      this.pages.get(session)?.delete(panel);
    });
    const pages = this.pages.get(session) ?? new Set();
    this.pages.set(session, pages.add(panel));
    const at = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(assets, name)).toString();
    webview.html = inspectorHtml({
      script: at('inspector.js'),
      style: at('inspector.css'),
      codicons: at('codicon.css'),
      plotly: at('plotly.js'),
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      language: vscode.env.language,
    });
  }

  /** Tells every page of a model; false if none is open. */
  broadcast(session: ModelSession, content: ToWebview): boolean {
    const pages = this.pages.get(session);
    for (const panel of pages ?? []) void panel.webview.postMessage(event(content));
    return Boolean(pages?.size);
  }

  /** Whether somebody is looking at this model now. */
  isVisible(session: ModelSession): boolean {
    return [...(this.pages.get(session) ?? [])].some((panel) => panel.visible);
  }

  private handlers({ uri, session }: ModelDocument): Handlers {
    const { run, log } = this.services;
    return {
      ready: async () => {
        await session.open();
        return { ...session.state, language: vscode.env.language };
      },
      action: ({ action, layer }) => {
        // a job may take minutes: the page hears of it through the state, not through this answer
        void run(action, uri, layer === undefined ? undefined : { layer });
        return null;
      },
      keep: async ({ layers, keep }) => {
        if (!layers.length) throw new VernierError('internal', 'No layer was named.');
        await this.services.keep(session, layers, keep);
        return null;
      },
      takePlan: async ({ choices }) => {
        await this.services.takePlan(session, choices);
        return null;
      },
      range: ({ tensor }) => session.range(tensor),
      weights: ({ layer }) => session.weights(layer),
      select: ({ layer }) => {
        this.services.select(session, layer);
        return null;
      },
      copy: async ({ text, what }) => {
        await vscode.env.clipboard.writeText(text);
        vscode.window.setStatusBarMessage(vscode.l10n.t('Copied {0}', what), 3000);
        return null;
      },
      report: ({ kind, text }) => {
        log.error(`${session.state.fileName}: ${kind}: ${text}`);
        return null;
      },
    };
  }
}
