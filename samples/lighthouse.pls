<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" alphabet="ipa" xml:lang="en">
  <!-- How the people of Gannet Point say their names, to be given to narrate as a lexicon -->
  <lexeme>
    <grapheme>Gannet Point</grapheme>
    <alias>Gant Point</alias>
  </lexeme>
  <lexeme>
    <grapheme>Marta</grapheme>
    <phoneme>ˈmɑːɹtə</phoneme>
  </lexeme>
  <lexeme>
    <grapheme>gulls</grapheme>
    <phoneme alphabet="x-sampa">"gVlz</phoneme>
    <alias>gulls</alias>
  </lexeme>
</lexicon>
