import { Module } from '@nestjs/common';
import { Access } from './edge/access.js';
import { Tokens } from './edge/tokens.js';
import { SecurityFeed } from './edge/security-feed.js';
import { Edge } from './edge/edge.js';

@Module({ providers: [Tokens, SecurityFeed, Access, Edge] })
export class GatewayModule {}
