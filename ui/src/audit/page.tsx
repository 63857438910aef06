export function AuditPage() {
  return <main className="gate" />
}
