import { Module } from '@nestjs/common';
import { Access } from './edge/access.js';
import { Answers } from './edge/answers.js';
import { Tokens } from './edge/tokens.js';
import { SecurityFeed } from './edge/security-feed.js';
import { Edge } from './edge/edge.js';

@Module({ providers: [Tokens, SecurityFeed, Access, Answers, Edge] })
export class GatewayModule {}
