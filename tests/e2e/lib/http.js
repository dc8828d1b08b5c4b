// HTTP as it is, without what fetch adds or forbids.

import { request } from 'node:http';

import { BOUND_MS } from './recorder.js';

/** The headers that ask for a WebSocket. */
export const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

/** Sends a request and returns the status, the headers, the text and, where it is JSON, the body; 101 ends it. */
export function http(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, signal: AbortSignal.timeout(BOUND_MS) };
    const sent = request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => { text += part; });
      response.on('end', () => {
        const isJson = (response.headers['content-type'] ?? '').includes('json');
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text,
          body: isJson && text !== '' ? JSON.parse(text) : undefined,
        });
      });
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: 101, headers: response.headers, text: '' });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The status of `/health/live` or `/health/ready`; 0 when nobody listens. */
export async function health(url, question) {
  try {
    return (await http(`${url}/health/${question}`)).status;
  } catch (error) {
    if (error.code === 'ECONNREFUSED') return 0;
    throw error;
  }
}
