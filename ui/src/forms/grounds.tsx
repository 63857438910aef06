/** Why somebody wants to see something: purpose, call or case, reason. Asked the same way wherever it is asked. */
import { type ReactNode, useEffect, useId, useState } from 'react'

import { useBoard } from '../board/live'
import type { Board } from '../board/store'
import { asFailure, ask, Failure } from '../graphql/client'
import {
  type GroundsInput,
  ReasonQualityDocument,
  type ReasonQualityQuery,
  UsePolicyDocument,
  type UsePolicyQuery,
} from '../graphql/generated/graphql'
import { words } from '../shell/words'
import { type Faults, Field, LineField, TextField } from './field'

export type Policy = NonNullable<UsePolicyQuery['usePolicy']>
type Quality = ReasonQualityQuery['reasonQuality']

const SHORTEST_REASON = 3
const SCORED_AFTER_MS = 400
const openCalls = (board: Board) => board.calls.filter((call) => call.state === 'open')

/** What a person wrote so far. */
export type Stated = { purpose: string; call: string; caseNumber: string; authorisation: string; reason: string }
export const NOTHING_STATED: Stated = { purpose: '', call: '', caseNumber: '', authorisation: '', reason: '' }

/** The use policy in force; null where there is none, undefined until it is known. */
export function usePolicy(): Policy | null | Failure | undefined {
  const [policy, setPolicy] = useState<Policy | null | Failure>()
  useEffect(() => {
    let left = false
    ask(UsePolicyDocument, {}).then(
      ({ usePolicy }) => left || setPolicy(usePolicy),
      (error: unknown) => left || setPolicy(asFailure(error)),
    )
    return () => {
      left = true
    }
  }, [])
  return policy
}

export type Grounds = {
  stated: Stated
  set: (part: Partial<Stated>) => void
  policy: Policy | null | Failure | undefined
  rule: Policy['purposes'][number] | undefined
  /** A call or case is asked for; otherwise a document that allows it. */
  needsCall: boolean
  /** What is still needed, the reason aside. */
  missing: (string | false)[]
  missingReason: string | false
  input: GroundsInput
}

export function useGrounds(start: Partial<Stated> = {}): Grounds {
  const policy = usePolicy()
  const [stated, setStated] = useState<Stated>({ ...NOTHING_STATED, ...start })
  const rule =
    policy && !(policy instanceof Failure) ? policy.purposes.find((each) => each.code === stated.purpose) : undefined
  const needsCall = rule?.needsCall ?? true
  return {
    stated,
    set: (part) => setStated((before) => ({ ...before, ...part })),
    policy,
    rule,
    needsCall,
    missing: missingOf(stated, needsCall),
    missingReason: stated.reason.trim().length < SHORTEST_REASON && 'a reason',
    input: groundsOf(stated, needsCall),
  }
}

export function missingOf(stated: Stated, needsCall: boolean): (string | false)[] {
  return [
    !stated.purpose && 'a purpose',
    needsCall && !stated.call && !stated.caseNumber.trim() && 'a call or a case',
    !needsCall && !stated.authorisation.trim() && 'the authorisation',
  ]
}

export function groundsOf(stated: Stated, needsCall: boolean): GroundsInput {
  return {
    purpose: stated.purpose,
    reason: stated.reason.trim(),
    callNumber: stated.call || null,
    caseNumber: stated.caseNumber.trim() || null,
    authorisation: needsCall ? null : stated.authorisation.trim(),
  }
}

type Part = { grounds: Grounds; faults: Faults }

/** `impossible`: what cannot be done without a policy. */
export function PolicyNote({ policy, impossible }: { policy: Grounds['policy']; impossible: string }) {
  if (policy instanceof Failure)
    return (
      <p className="note bad" role="alert">
        {policy.message}
      </p>
    )
  if (policy === null)
    return (
      <p className="note bad" role="alert">
        No use policy is in force, so {impossible}.
      </p>
    )
  return null
}

export function PurposeField({ grounds, faults, hint }: Part & { hint?: string | undefined }) {
  const { policy, rule, stated, set } = grounds
  return (
    <Field label="Purpose" fault={faults('purpose')} hint={hint}>
      {(id) => (
        <select id={id} value={stated.purpose} onChange={(event) => set({ purpose: event.target.value })} required>
          <option value="">Choose…</option>
          {/* A purpose that was stated before stays stated while the policy is on its way. */}
          {stated.purpose && !rule && <option value={stated.purpose}>{words(stated.purpose)}</option>}
          {policy && !(policy instanceof Failure) && <Purposes policy={policy} />}
        </select>
      )}
    </Field>
  )
}

function Purposes({ policy }: { policy: Policy }) {
  const open = policy.purposes.filter((each) => !each.prohibited)
  const closed = policy.purposes.filter((each) => each.prohibited)
  return (
    <>
      {open.map((each) => (
        <option key={each.code} value={each.code}>
          {words(each.title)}
        </option>
      ))}
      {closed.length > 0 && (
        <optgroup label={`Prohibited by use policy ${policy.version}`}>
          {closed.map((each) => (
            <option key={each.code} value={each.code} disabled>
              {words(each.title)}
            </option>
          ))}
        </optgroup>
      )}
    </>
  )
}

/** The call or case that it is for, and the authorisation where the purpose has neither. */
export function AuthorityFields({ grounds, faults }: Part) {
  const { stated, set, needsCall } = grounds
  const calls = useBoard(openCalls) ?? []
  // A call that is named already stays named, also where dispatch has closed it: the server says so.
  const known = !stated.call || calls.some((each) => each.number === stated.call)
  return (
    <>
      <Field label="Call" fault={faults('call_number', 'callNumber', 'call')}>
        {(id) => (
          <select id={id} value={stated.call} onChange={(event) => set({ call: event.target.value })}>
            <option value="">{needsCall ? 'No call: give a case number' : 'No call'}</option>
            {!known && <option value={stated.call}>{stated.call}</option>}
            {calls.map((each) => (
              <option key={each.number} value={each.number}>
                {`P${each.priority} ${words(each.callType)} · ${each.number}`}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div className="pair">
        <LineField
          label="Case number"
          fault={faults('case_number', 'caseNumber', 'case')}
          value={stated.caseNumber}
          onChange={(caseNumber) => set({ caseNumber })}
          placeholder="if there is no call"
        />
        {!needsCall && <AuthorisationField grounds={grounds} faults={faults} />}
      </div>
    </>
  )
}

export function AuthorisationField({ grounds, faults }: Part) {
  return (
    <LineField
      label="Authorisation"
      fault={faults('authorisation')}
      value={grounds.stated.authorisation}
      onChange={(authorisation) => grounds.set({ authorisation })}
      placeholder="who allowed it, and where"
    />
  )
}

type ReasonProps = {
  /** What it is scored with. */
  grounds: GroundsInput
  reason: string
  onChange: (reason: string) => void
  faults: Faults
  label?: string
  placeholder: string
}

/** A reason, with what its score by the rules of the record would be, a moment after the last key. */
export function ReasonField({ grounds, reason, onChange, faults, label = 'Reason', placeholder }: ReasonProps) {
  const said = useId()
  const quality = useQuality(grounds, reason)
  return (
    <div className="reasoned">
      <TextField
        label={label}
        fault={faults('reason')}
        value={reason}
        onChange={onChange}
        rows={3}
        placeholder={placeholder}
        describedBy={said}
      />
      <div id={said} className="quality" aria-live="polite">
        {quality && <Scored quality={quality} />}
      </div>
    </div>
  )
}

function useQuality(grounds: GroundsInput, reason: string): Quality | undefined {
  const [quality, setQuality] = useState<Quality>()
  const { purpose, callNumber, caseNumber } = grounds
  useEffect(() => {
    const stated = reason.trim()
    let old = false
    const timer = setTimeout(() => {
      if (stated.length < SHORTEST_REASON) return setQuality(undefined)
      ask(ReasonQualityDocument, {
        grounds: { purpose, reason: stated, callNumber: callNumber ?? null, caseNumber: caseNumber ?? null },
      }).then(
        ({ reasonQuality }) => old || setQuality(reasonQuality),
        () => old || setQuality(undefined), // the request is scored all the same
      )
    }, SCORED_AFTER_MS)
    return () => {
      old = true
      clearTimeout(timer)
    }
  }, [purpose, callNumber, caseNumber, reason])
  return quality
}

function Scored({ quality }: { quality: Quality }) {
  return (
    <div className="scored">
      <span className={quality.vague ? 'chip bad' : quality.advice.length > 0 ? 'chip warn' : 'chip good'}>
        {quality.score} of 100
      </span>
      {quality.advice.length === 0 ? (
        <span>Clear enough for a reviewer.</span>
      ) : (
        <ul>
          {quality.advice.map((each) => (
            <li key={each.code}>{each.message}</li>
          ))}
        </ul>
      )}
    </div>
  )
}

type GroundsProps = Part & {
  /** What cannot be done without a policy. */
  impossible: string
  /** It is for the call that is named already, and for no other. */
  callGiven?: boolean
  /** What is asked beside the grounds, above the reason. */
  children?: ReactNode
  /** Of the reason. */
  placeholder: string
}

/** Purpose, call or case, reason: what a request to see something begins and ends with. */
export function GroundsFields({ grounds, faults, impossible, callGiven = false, children, placeholder }: GroundsProps) {
  return (
    <>
      <PolicyNote policy={grounds.policy} impossible={impossible} />
      <PurposeField grounds={grounds} faults={faults} />
      {!callGiven ? (
        <AuthorityFields grounds={grounds} faults={faults} />
      ) : (
        !grounds.needsCall && <AuthorisationField grounds={grounds} faults={faults} />
      )}
      {children}
      <ReasonField
        grounds={grounds.input}
        reason={grounds.stated.reason}
        onChange={(reason) => grounds.set({ reason })}
        faults={faults}
        placeholder={placeholder}
      />
    </>
  )
}
