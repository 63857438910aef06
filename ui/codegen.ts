import { createHash } from 'node:crypto'

import type { CodegenConfig } from '@graphql-codegen/cli'

const sha256 = (document: string): string => createHash('sha256').update(document).digest('hex')

/** Types and hashes for every document in src/graphql, out of the schema that the API exports. */
const config: CodegenConfig = {
  schema: process.env['SAFERWEHO_SCHEMA'] ?? '../docs/schema.graphql',
  documents: 'src/graphql/*.graphql',
  generates: {
    'src/graphql/generated/': {
      preset: 'client',
      presetConfig: {
        fragmentMasking: false,
        persistedDocuments: { mode: 'embedHashInDocument', hashPropertyName: 'hash', hashAlgorithm: sha256 },
      },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: { ID: 'string', Position: 'number', DateTime: 'string', Date: 'string', JSON: 'unknown' },
        strictScalars: true,
      },
    },
  },
}

export default config
