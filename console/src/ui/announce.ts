/** Says something to screen readers alone. The region is made once and kept, or it would not be heard. */
export function announce(text: string) {
  let region = document.getElementById('announcer')
  if (!region) {
    region = document.createElement('div')
    region.id = 'announcer'
    region.className = 'unseen'
    region.setAttribute('role', 'status')
    document.body.append(region)
  }
  region.textContent = text
}
