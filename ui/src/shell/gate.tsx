/** The pages for people who cannot see a page: not signed in, no right to it, no answer from the server. */
import type { ReactNode } from 'react'

import { Emblem } from './emblem'
import { useViewer } from './viewer'
import { words } from './words'

function Gate({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="gate">
      <div className="gate-card">
        <Emblem />
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  )
}

export function SignedOut() {
  const back = encodeURIComponent(location.pathname + location.search)
  return (
    <Gate title="Safer WeHo watch center">
      <p>
        For named, trained people of the West Hollywood Sheriff’s Station, the City and its oversight. Everything that
        is seen or ordered here is recorded, and the record can be checked by the council and by outsiders.
      </p>
      <a className="button primary large" href={`/sign-in?return_to=${back}`}>
        Sign in
      </a>
    </Gate>
  )
}

export function Unreachable({ message, retry }: { message: string; retry: () => void }) {
  return (
    <Gate title="No answer from the watch center">
      <p role="alert">{message}</p>
      <button type="button" className="button primary large" onClick={retry}>
        Try again
      </button>
    </Gate>
  )
}

/** Says who lacks which right, so that the person knows whom to ask for what. */
export function MayNotRead({ what, action }: { what: string; action: string }) {
  const viewer = useViewer()
  const roles = viewer.roles.map(words).join(', ') || 'no role'
  return (
    <main className="gate">
      <div className="gate-card">
        <h1>You may not read {what}</h1>
        <p>
          {viewer.name} ({roles}) does not hold the right <code>{action}</code>. Rights follow from roles, and the rules
          are adopted by the city, not set by an administrator.
        </p>
        <p className="quiet">If your work needs it, ask your supervisor for a role that has it.</p>
      </div>
    </main>
  )
}

export function NotFound() {
  return (
    <main className="gate">
      <div className="gate-card">
        <h1>There is no such page</h1>
        <p>
          The watch center has the <a href="/">board</a> and the <a href="/audit">audit trail</a>.
        </p>
      </div>
    </main>
  )
}
