/** The parts that every form has: labelled fields, what is wrong with them, and the end where it is sent. */
import { type FormEvent, type HTMLAttributes, type ReactNode, useId, useState } from 'react'

import type { Outcome } from '../board/orders'
import { OutcomeNote } from '../board/outcome'
import { Failure } from '../graphql/client'
import { words } from '../shell/words'
import './forms.css'

type Labelled = { label: string; fault?: ReactNode; hint?: ReactNode }
type Written = { value: string; onChange: (value: string) => void }

export function Field({ label, fault, hint, children }: Labelled & { children: (id: string) => ReactNode }) {
  const id = useId()
  return (
    <div className={fault ? 'field wrong' : 'field'}>
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children(id)}
      {hint && <span className="hint">{hint}</span>}
      {fault}
    </div>
  )
}

type LineProps = Labelled &
  Written & {
    placeholder?: string
    maxLength?: number
    inputMode?: HTMLAttributes<HTMLInputElement>['inputMode']
    /** Id of a datalist of what is known. */
    list?: string
    mono?: boolean
  }

/** One line. A browser remembers nothing of it: these are matters of the record. */
export function LineField({ label, fault, hint, onChange, mono = false, ...input }: LineProps) {
  return (
    <Field label={label} fault={fault} hint={hint}>
      {(id) => (
        <input
          id={id}
          className={mono ? 'mono' : undefined}
          onChange={(event) => onChange(event.target.value)}
          autoComplete="off"
          {...input}
        />
      )}
    </Field>
  )
}

type TextProps = Labelled &
  Written & { rows?: number; maxLength?: number; placeholder?: string | undefined; describedBy?: string }

/** Some sentences. */
export function TextField({
  label,
  fault,
  hint,
  onChange,
  rows = 2,
  maxLength = 500,
  describedBy,
  ...rest
}: TextProps) {
  return (
    <Field label={label} fault={fault} hint={hint}>
      {(id) => (
        <textarea
          id={id}
          rows={rows}
          maxLength={maxLength}
          onChange={(event) => onChange(event.target.value)}
          aria-describedby={describedBy}
          {...rest}
        />
      )}
    </Field>
  )
}

type ChoiceProps = Labelled &
  Written & {
    /** Codes, each with its name. */
    options: readonly (readonly [string, string])[]
    /** What stands there while nothing is chosen; without it, something always is. */
    none?: string
  }

export function ChoiceField({ label, fault, hint, value, onChange, options, none }: ChoiceProps) {
  return (
    <Field label={label} fault={fault} hint={hint}>
      {(id) => (
        <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
          {none !== undefined && <option value="">{none}</option>}
          {options.map(([code, name]) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}

/** Options that are called what their codes say. */
export function inWords(codes: readonly string[]): [string, string][] {
  return codes.map((code) => [code, words(code)])
}

export function Fault({ message, accepted }: { message: string; accepted: string | null }) {
  return (
    <span className="fault" role="alert">
      {message}
      {accepted && <span className="accepted"> Accepted: {accepted}</span>}
    </span>
  )
}

export type Faults = (...fields: string[]) => ReactNode

/** What the answer says is wrong with one of these fields, to be said beside it. */
export function faultsOf(outcome: Outcome | undefined): Faults {
  const wrong = outcome && !(outcome instanceof Failure) && outcome.__typename === 'Mistaken' ? outcome : undefined
  return (...fields) =>
    wrong?.field && fields.includes(wrong.field) ? (
      <Fault message={wrong.message} accepted={wrong.accepted} />
    ) : undefined
}

export type Accepted = Extract<Outcome, { __typename: 'Accepted' }>

export function isAccepted(outcome: Outcome): outcome is Accepted {
  return !(outcome instanceof Failure) && outcome.__typename === 'Accepted'
}

type EndProps = {
  order: { sending: boolean; outcome: Outcome | undefined }
  /** What is said when it was accepted. */
  done: string
  verb: string
  /** What is still needed, in the words of 'Still needed: …'; false for what is there. */
  missing: readonly (string | false)[]
  /** Said beside the button once nothing is missing. */
  promise?: ReactNode
}

/**
 * The end of a form: the answer above the button, where the eye is, and what is still needed. A mistake is said beside
 * its field as well (`faultsOf`), which may be out of sight.
 */
export function OrderEnd({ order, done, verb, missing, promise }: EndProps) {
  const wanted = missing.filter((each) => each !== false)
  return (
    <>
      {order.outcome && <OutcomeNote outcome={order.outcome} done={done} />}
      <footer className="order-end">
        <button
          type="submit"
          className="button primary wide"
          aria-busy={order.sending}
          disabled={order.sending || wanted.length > 0}
        >
          {verb}
        </button>
        {wanted.length > 0 ? (
          <p className="quiet">Still needed: {wanted.join(', ')}.</p>
        ) : (
          promise && <p className="quiet">{promise}</p>
        )}
      </footer>
    </>
  )
}

type FormProps = EndProps & {
  label: string
  className?: string
  /** Sends it; what it is answered with, where one answer is all of it. */
  onSend: () => Promise<Outcome | void>
  onAccepted?: (answer: Accepted) => void
  children: ReactNode
}

/**
 * A command as a form. What it lacks it says itself (`missing`): a browser that found something wanting would keep a press
 * back without a word of ours.
 */
export function OrderForm({ label, className, onSend, onAccepted, children, ...end }: FormProps) {
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (end.order.sending || end.missing.some((each) => each !== false)) return
    const answer = await onSend()
    if (answer && isAccepted(answer)) onAccepted?.(answer)
  }
  return (
    <form
      className={className ? `order-form ${className}` : 'order-form'}
      aria-label={label}
      onSubmit={(event) => void submit(event)}
      noValidate
    >
      {children}
      <OrderEnd {...end} />
    </form>
  )
}

type ButtonProps = Pick<EndProps, 'order' | 'done' | 'verb'> & {
  onSend: () => Promise<Outcome>
  onAccepted: (answer: Accepted) => void
}

/** A command that takes nothing but the press. */
export function OrderButton({ order, done, verb, onSend, onAccepted }: ButtonProps) {
  const press = async () => {
    if (order.sending) return
    const answer = await onSend()
    if (isAccepted(answer)) onAccepted(answer)
  }
  return (
    <>
      <button type="button" className="button primary" aria-busy={order.sending} onClick={() => void press()}>
        {verb}
      </button>
      {order.outcome && <OutcomeNote outcome={order.outcome} done={done} />}
    </>
  )
}

type SaidProps = {
  label: string
  order: EndProps['order']
  done: string
  verb: string
  /** What is asked, and how the command calls it. */
  ask: string
  field: string
  /** In the words of 'Still needed: …'. */
  wanted: string
  placeholder?: string
  /** In characters, as the command takes it. */
  shortest?: number
  longest?: number
  onSend: (said: string) => Promise<Outcome>
  onAccepted: (answer: Accepted) => void
}

/** A command that takes a sentence and nothing else. */
export function SaidForm({
  ask,
  field,
  wanted,
  placeholder,
  shortest = 3,
  longest = 500,
  order,
  onSend,
  ...form
}: SaidProps) {
  const [said, setSaid] = useState('')
  return (
    <OrderForm
      {...form}
      order={order}
      missing={[said.trim().length < shortest && wanted]}
      onSend={() => onSend(said.trim())}
    >
      <TextField
        label={ask}
        value={said}
        onChange={setSaid}
        fault={faultsOf(order.outcome)(field)}
        placeholder={placeholder}
        maxLength={longest}
      />
    </OrderForm>
  )
}
