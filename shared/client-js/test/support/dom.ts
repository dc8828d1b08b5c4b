// A document for React, to be imported before it.

import { JSDOM } from 'jsdom';

const { window } = new JSDOM('<!doctype html><body></body>', { url: 'http://localhost:3000/' });

const { document, navigator, HTMLElement } = window;
// What comes from the service does not come within a test's `act`.
const globals = { window, document, navigator, HTMLElement, IS_REACT_ACT_ENVIRONMENT: false };
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
