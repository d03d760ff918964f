// The reference: Fastify with a route that answers the object of a health check, and one of a workflow's size with a
// schema for its parameter, which ajv checks; and one that takes what note.ts declares, checked by ajv as well.
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

const note = {
  type: 'object',
  additionalProperties: false,
  required: ['title', 'text', 'minutes', 'outcome', 'tags'],
  properties: {
    title: { type: 'string', minLength: 1, maxLength: 200 },
    text: { type: 'string', minLength: 1, maxLength: 5_000 },
    minutes: { type: 'integer', minimum: 0, maximum: 1_440 },
    outcome: { enum: ['passed', 'failed', 'blocked'] },
    tags: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 30 } },
  },
};

const app = fastify();
// As the gateway's: a handler that answers at once, without a promise.
app.get('/empty', () => ({ status: 'healthy' }));
app.get('/health/ready', async () => ({}));
app.get('/workflows/:id', { schema: { params } }, async () => workflow);
app.post('/notes/:id', { schema: { params, body: note } }, async ({ params: { id }, body }) => ({ ...body, id }));
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
