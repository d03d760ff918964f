import '/work/main/tools/typescript-hooks.js';
const { startEmbeddedPostgres } = await import('/work/main/libs/testing/src/embedded-postgres.ts');
const dir = process.argv[2];
const t = Date.now();
const s = await startEmbeddedPostgres({ dataDir: dir, persistent: process.argv[4] !== 'temp' });
console.log('ready', Date.now() - t, 'ms', s.pid, s.dataDir, s.adminUrl.replace(/:[^:@]+@/, ':***@'));
const { Client } = await import('/work/main/node_modules/pg/esm/index.mjs').then(m => m.default ?? m);
const c = new Client({ connectionString: s.adminUrl }); await c.connect();
await c.query('create table if not exists t(i int)'); await c.query('insert into t values (1)');
console.log('rows', (await c.query('select count(*) from t')).rows[0].count); await c.end();
const mode = process.argv[3];
if (mode === 'stop') { await s.stop(); console.log('stopped'); }
if (mode === 'exit') process.exit(0);
if (mode === 'leave') console.log('leaving');
if (mode === 'hang') setInterval(() => {}, 1000);
if (mode === 'kill') process.kill(process.pid, 'SIGKILL');
if (mode === 'killall') { process.kill(s.pid, 'SIGKILL'); process.kill(process.pid, 'SIGKILL'); }
