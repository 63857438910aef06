/** What can be done about each kind of thing that is due, and by whom. */
import type { OversightQueueQuery } from '../graphql/generated/graphql'
import type { Action } from '../shell/viewer'

export type Due = OversightQueueQuery['oversightQueue']['due'][number]
export type Form = 'commit' | 'draw' | 'review_access' | 'review_disclosure' | 'act'
type Step = { title: string; verb?: string; action?: Action; form?: Form }

export const steps: Record<string, Step | undefined> = {
  commit_seed: { title: 'Commit to a number', verb: 'Commit', action: 'commit_audit_seed', form: 'commit' },
  reveal_nonce: { title: 'Reveal the number', verb: 'Draw', action: 'commit_audit_seed', form: 'draw' },
  review_access: { title: 'Review an access', verb: 'Review', action: 'review_access', form: 'review_access' },
  review_disclosure: {
    title: 'Review a disclosure',
    verb: 'Review',
    action: 'review_access',
    form: 'review_disclosure',
  },
  act_on_finding: { title: 'Act on a finding', verb: 'Act', action: 'take_corrective_action', form: 'act' },
  review_override: { title: 'Review an override' },
  justify_override: { title: 'Justify a break-glass' },
  seed_missed: { title: 'Nobody committed to a number: the sample is drawn without one' },
  look_at_feedback: { title: 'Look at what somebody of the public says' },
  answer_oversight_change: { title: 'Answer what is asked about one of oversight' },
}

/** The stream whose events tell what this is about. */
export function subject(due: Due): string {
  return due.kind === 'review_access' && due.about ? due.about : due.stream
}

/** `review-week-2026-W23` → `2026-W23`. */
export function weekOf(due: Due): string {
  return due.stream.replace(/^review-week-/, '')
}

/** 32 random bytes in hexadecimal digits, and their SHA-256. */
export async function freshNumber(): Promise<{ nonce: string; sha256: string }> {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return { nonce: hex(bytes), sha256: hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))) }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
