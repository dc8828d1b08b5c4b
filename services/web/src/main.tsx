import './styles/index.css';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './App.js';
import { session } from './session/session.js';
import { applyTheme } from './ui/theme.js';

const root = document.querySelector('#root');
if (root === null) throw new Error('the page has no element for the inbox');
applyTheme();
session.resume();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
