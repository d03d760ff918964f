import type { JsonWebKey } from '@qa-pms/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A key pair that access tokens are signed with. */
@Entity({ schema: 'identity', name: 'signing_keys' })
export class SigningKey {
  /** RFC 7638 thumbprint of the public key. */
  @PrimaryColumn('text')
  kid!: string;

  @Column('text')
  algorithm!: string;

  @Column('jsonb', { name: 'public_key' })
  publicKey!: JsonWebKey;

  /** PKCS #8 in PEM, encrypted with the master key. */
  @Column('text', { name: 'private_key' })
  privateKey!: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
