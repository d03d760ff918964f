/** class-transformer exports its metadata only here, without types: its `@Type` tells the schema of nested objects. */
declare module 'class-transformer/cjs/storage.js' {
  import type { MetadataStorage } from 'class-transformer/types/MetadataStorage.js';
  export const defaultMetadataStorage: MetadataStorage;
}
