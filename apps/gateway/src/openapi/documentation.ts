import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

const START = (document: string): string => `window.onload = () => {
  window.ui = SwaggerUIBundle({ url: ${JSON.stringify(document)}, dom_id: '#swagger-ui', deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset], layout: 'StandaloneLayout' });
};`;

/** Swagger UI at /docs, from our own files: the page needs nothing from outside. */
export async function serveDocumentation(http: FastifyInstance, document: string): Promise<void> {
  const resolve = createRequire(import.meta.url);
  const root = dirname(resolve.resolve('swagger-ui-dist/package.json'));
  http.get('/docs/swagger-initializer.js', async (_request, reply) =>
    reply.type('text/javascript').send(START(document)),
  );
  http.get('/docs', async (_request, reply) => reply.redirect('/docs/index.html'));
  await http.register(fastifyStatic, { root, prefix: '/docs/', decorateReply: false });
}
