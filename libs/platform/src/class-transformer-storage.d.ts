/** class-transformer exports its metadata only here, without types: its `@Type` tells the schema of nested objects. */
declare module 'class-transformer/cjs/storage.js' {
  export const defaultMetadataStorage: import('class-transformer/types/MetadataStorage.js').MetadataStorage;
}
