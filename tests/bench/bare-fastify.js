// The reference: one route that answers an object of a workflow's size.
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

const app = fastify();
app.get('/workflow', async () => workflow);
app.get('/health/ready', async () => ({}));
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
