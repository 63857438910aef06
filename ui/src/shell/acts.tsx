/** What may be done about an item: a button for each, whose form opens below and closes by a second press or Escape. */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'

type Done = (at: number) => void

export type Act = {
  verb: string
  look?: 'primary' | 'danger'
  /** Told the position of what was done, which closes the form. */
  form: (onDone: Done) => ReactNode
}

type Props = {
  /** False for what this person may not do, or not now. */
  acts: readonly (Act | false)[]
  onDone: Done
  /** What needs no form; it stands first. */
  children?: ReactNode
}

export function Acts({ acts, onDone, children }: Props) {
  const id = useId()
  const [verb, setVerb] = useState<string>()
  const opener = useRef<HTMLButtonElement>(null)
  const opened = useRef<HTMLDivElement>(null)
  const may = acts.filter((act) => act !== false)
  const act = may.find((each) => each.verb === verb)
  useEffect(() => {
    if (verb) opened.current?.querySelector<HTMLElement>('input, select, textarea')?.focus()
  }, [verb])
  const close = () => {
    setVerb(undefined)
    opener.current?.focus()
  }
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Escape') close()
  }
  return (
    <>
      <div className="acts">
        {children}
        {may.map((each) => (
          <button
            key={each.verb}
            type="button"
            className={`button ${each.look ?? ''}`}
            aria-expanded={each === act}
            aria-controls={each === act ? id : undefined}
            onClick={(event) => {
              opener.current = event.currentTarget
              setVerb(each === act ? undefined : each.verb)
            }}
          >
            {each.verb}
          </button>
        ))}
      </div>
      {act && (
        // Another act is another form: nothing that was typed for the one goes over to the other.
        <div key={act.verb} id={id} ref={opened} onKeyDown={press}>
          {act.form((at) => {
            close()
            onDone(at)
          })}
        </div>
      )}
    </>
  )
}
