// The reference: Fastify with a route that answers the object of a health check, and one of a workflow's size with a
// schema for its parameter, which ajv checks.
import { fastify } from 'fastify';

const step = (index) => ({
  index,
  name: 'Reproduce',
  description: 'Follow the ticket.',
  estimateSeconds: 900,
  status: 'pending',
  notes: null,
});
const workflow = { id: '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f', status: 'active', steps: [0, 1, 2, 3, 4].map(step) };
const params = { type: 'object', properties: { id: { type: 'string', format: 'uuid' } }, required: ['id'] };

const app = fastify();
app.get('/empty', async () => ({ status: 'healthy' }));
app.get('/health/ready', async () => ({}));
app.get('/workflows/:id', { schema: { params } }, async () => workflow);
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
