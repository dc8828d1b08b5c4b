// What needs no token.

import assert from 'node:assert/strict';

import { http } from '../../lib/http.js';
import { row } from '../table.js';
import { apis, gateways } from '../world.js';

row('R-OPEN-1', 'health and metrics need no token, on every process', async () => {
  for (const url of [...apis, ...gateways]) {
    for (const path of ['/health/live', '/health/ready', '/metrics']) {
      for (const headers of [{}, { authorization: 'Bearer nonsense' }]) {
        assert.equal((await http(url + path, { headers })).status, 200, url + path);
      }
      assert.equal((await http(url + path, { method: 'HEAD' })).status, 200, `HEAD ${path}`);
      const posted = await http(url + path, { method: 'POST' });
      assert.deepEqual([posted.status, posted.body?.code], [405, 'method_not_allowed'], `POST ${path}`);
    }
    const metrics = await http(`${url}/metrics`);
    assert.match(metrics.headers['content-type'], /^text\/plain/);
    assert.match(metrics.text, /^# HELP \w+ .+\n# TYPE \w+ (counter|gauge|histogram)$/m);
    assert.match(metrics.text, /^fh_\w+(\{.*\})? [0-9.e+-]+$/m);
  }
});
