/**
 * The only file that knows the UI toolkit. It registers the controls that the pages use as custom
 * elements, and gives JSX their properties; another library can take its place here.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import type { JSX } from 'preact';

/** Defines the elements; call it once, before the first render. */
export function registerControls(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeProgressRing(),
    vsCodeTextField(),
  );
}

type Control<Own> = JSX.HTMLAttributes<HTMLElement> & Own;

declare module 'preact' {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- JSX knows elements by merging into this namespace
  namespace JSX {
    interface IntrinsicElements {
      'vscode-button': Control<{
        appearance?: 'primary' | 'secondary' | 'icon';
        disabled?: boolean;
      }>;
      'vscode-checkbox': Control<{ checked?: boolean; disabled?: boolean }>;
      'vscode-dropdown': Control<{ value?: string; disabled?: boolean }>;
      'vscode-option': Control<{ value?: string; selected?: boolean }>;
      'vscode-progress-ring': Control<object>;
      'vscode-text-field': Control<{ value?: string; placeholder?: string; disabled?: boolean }>;
    }
  }
}
