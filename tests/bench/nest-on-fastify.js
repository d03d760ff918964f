// Between bare Fastify and the gateway: the same empty route on Nest's adapter, with nothing of ours.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

class NothingModule {}
Module({})(NothingModule);

const app = await NestFactory.create(NothingModule, new FastifyAdapter(), { logger: false, bodyParser: false });
const http = app.getHttpAdapter().getInstance();
http.get('/empty', () => ({ status: 'healthy' }));
http.get('/health/ready', async () => ({}));
await app.listen(Number(process.env.PORT), '127.0.0.1');
