import { fileURLToPath } from 'node:url';

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const clientSources = fileURLToPath(new URL('../../shared/client-js/src', import.meta.url));

/** The service that `npm run dev` shows; its own origin is not this one's, which it need not know of. */
const service = { target: process.env.MESSAGING_URL ?? 'http://127.0.0.1:8000', changeOrigin: true };

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: [
      { find: /^@freelancehub\/messaging-client$/, replacement: `${clientSources}/index.ts` },
      { find: /^@freelancehub\/messaging-client\/react$/, replacement: `${clientSources}/react.tsx` },
    ],
    // The client's sources are outside of this folder, and so would look for their packages elsewhere.
    dedupe: ['react', 'react-dom', 'socket.io-client'],
  },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': service, '/demo.json': service, '/socket.io': { ...service, ws: true } },
  },
});
