/** The parts that every form has: a labelled field, what is wrong with it, and the end where it is sent. */
import { type FormEvent, type ReactNode, useId } from 'react'

import type { Outcome } from '../board/orders'
import { OutcomeNote } from '../board/outcome'
import { Failure } from '../graphql/client'
import './forms.css'

type FieldProps = { label: string; fault?: ReactNode; hint?: ReactNode; children: (id: string) => ReactNode }

export function Field({ label, fault, hint, children }: FieldProps) {
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

export function isAccepted(outcome: Outcome): outcome is Extract<Outcome, { __typename: 'Accepted' }> {
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
  onSend: () => void | Promise<void>
  children: ReactNode
}

/**
 * A command as a form. What it lacks it says itself (`missing`): a browser that found something wanting would keep a press
 * back without a word of ours.
 */
export function OrderForm({ label, className, onSend, children, ...end }: FormProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!end.order.sending && end.missing.every((each) => each === false)) void onSend()
  }
  return (
    <form
      className={className ? `order-form ${className}` : 'order-form'}
      aria-label={label}
      onSubmit={submit}
      noValidate
    >
      {children}
      <OrderEnd {...end} />
    </form>
  )
}
