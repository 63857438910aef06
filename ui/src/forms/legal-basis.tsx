/** On what legal ground something is lifted or handed over: a paper with its number, a consent, or no time for either. */
import type { LegalBasisInput } from '../graphql/generated/graphql'
import { words } from '../shell/words'
import { ChoiceField, type Faults, inWords, LineField } from './field'

const KINDS = ['warrant', 'subpoena', 'court_order', 'consent', 'exigency'] as const
const ISSUED: ReadonlySet<string> = new Set(['warrant', 'subpoena', 'court_order'])

export type Basis = { kind: string; number: string; issuer: string }
export const NO_BASIS: Basis = { kind: '', number: '', issuer: '' }

const hasNumber = (kind: string) => ISSUED.has(kind) || kind === 'consent'
const hasIssuer = (kind: string) => ISSUED.has(kind)

export function missingOfBasis({ kind, number, issuer }: Basis): (string | false)[] {
  return [
    !kind && 'the legal basis',
    hasNumber(kind) && !number.trim() && 'its number',
    hasIssuer(kind) && !issuer.trim() && 'who issued it',
  ]
}

export function basisOf({ kind, number, issuer }: Basis): LegalBasisInput {
  return {
    kind,
    number: hasNumber(kind) ? number.trim() : null,
    issuer: hasIssuer(kind) ? issuer.trim() : null,
  }
}

/** `Search warrant 26-SW-114, Superior Court`: as it is shown of what is on the record. */
export function basisInWords(basis: { kind: string; number: string | null; issuer: string | null }): string {
  return [`${words(basis.kind)}${basis.number ? ` ${basis.number}` : ''}`, basis.issuer].filter(Boolean).join(', ')
}

type Props = { basis: Basis; onChange: (basis: Basis) => void; faults: Faults }

export function LegalBasisFields({ basis, onChange, faults }: Props) {
  const fault = (part: string) => faults(`legal_basis.${part}`, `legalBasis.${part}`)
  return (
    <>
      <ChoiceField
        label="Legal basis"
        fault={fault('kind')}
        hint={basis.kind === 'exigency' ? 'No paper: there was no time. What rests on it is looked into.' : undefined}
        value={basis.kind}
        onChange={(kind) => onChange({ ...basis, kind })}
        options={inWords(KINDS)}
        none="Choose…"
      />
      {hasNumber(basis.kind) && (
        <div className="pair">
          <LineField
            label={basis.kind === 'consent' ? 'Number of the form' : 'Number'}
            fault={fault('number')}
            value={basis.number}
            onChange={(number) => onChange({ ...basis, number })}
          />
          {hasIssuer(basis.kind) && (
            <LineField
              label="Issued by"
              fault={fault('issuer')}
              value={basis.issuer}
              onChange={(issuer) => onChange({ ...basis, issuer })}
              placeholder="court or office"
            />
          )}
        </div>
      )}
    </>
  )
}
