import { render } from 'preact';
import { reportProblems } from '../rpc';
import { followTheme } from '../theme';
import { registerControls } from '../toolkit';
import { App } from './App';
import './inspector.css';
import { onKey } from './keys';
import { rpc, start } from './store';

reportProblems(rpc);
registerControls();
followTheme();
document.addEventListener('keydown', onKey);
const root = document.getElementById('root') ?? document.body;
root.replaceChildren();
render(<App />, root);
void start();
