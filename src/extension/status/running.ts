import * as vscode from 'vscode';
import { cancelJob } from '../commands/cancel';
import { commands } from '../manifest/commands';
import type { InspectorProvider } from '../inspector/provider';
import type { ModelSession } from '../session/session';
import type { SessionChange, Sessions } from '../sessions';
import { progressText } from './progressText';

/** A job that is over sooner than this needs no notification. */
const patienceMs = 1000;

/**
 * Shows what runs: a status bar item always, a notification with Cancel where the job takes longer and its
 * model's inspector (which has a bar of its own) is not in sight.
 */
export class RunningJobs implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'vernier.job',
    vscode.StatusBarAlignment.Left,
    50,
  );
  private readonly waiting = new Map<ModelSession, NodeJS.Timeout>();
  private readonly told = new Map<ModelSession, (over: boolean) => void>();
  private readonly subscription: vscode.Disposable;

  constructor(
    private readonly sessions: Sessions,
    private readonly inspector: InspectorProvider,
  ) {
    this.item.name = 'Vernier';
    this.item.command = commands.cancel.id;
    this.subscription = sessions.onDidChange((change) => this.changed(change));
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
    for (const timer of this.waiting.values()) clearTimeout(timer);
    for (const tell of this.told.values()) tell(true);
  }

  private changed({ session, patch }: SessionChange): void {
    if (!('job' in patch)) return;
    this.showItem();
    if (!patch.job) {
      clearTimeout(this.waiting.get(session));
      this.waiting.delete(session);
      this.told.get(session)?.(true);
      return;
    }
    this.told.get(session)?.(false);
    if (this.waiting.has(session) || this.told.has(session)) return;
    this.waiting.set(
      session,
      setTimeout(() => {
        this.waiting.delete(session);
        if (session.running && !this.inspector.isVisible(session)) this.notify(session);
      }, patienceMs),
    );
  }

  private showItem(): void {
    const busy = this.sessions.all().filter(({ state }) => state.job);
    const first = busy[0];
    if (!first?.state.job) {
      this.item.hide();
      return;
    }
    const { title, progress } = first.state.job;
    const more = busy.length > 1 ? ` (+${busy.length - 1})` : '';
    this.item.text = `$(sync~spin) ${progressText(progress) || title}${more}`;
    this.item.tooltip = vscode.l10n.t(
      '{0}: {1}. Click to cancel.',
      busy.map(({ state }) => state.fileName).join(', '),
      title,
    );
    this.item.accessibilityInformation = { label: `Vernier: ${title} ${progressText(progress)}` };
    this.item.show();
  }

  private notify(session: ModelSession): void {
    const title = `${session.state.fileName}: ${session.state.job?.title ?? ''}`;
    void vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      (report, token) => {
        token.onCancellationRequested(() => cancelJob(session));
        const say = () =>
          report.report({ message: progressText(session.state.job?.progress ?? null) });
        say();
        return new Promise<void>((resolve) => {
          this.told.set(session, (over) => {
            if (!over) {
              say();
              return;
            }
            this.told.delete(session);
            resolve();
          });
        });
      },
    );
  }
}
