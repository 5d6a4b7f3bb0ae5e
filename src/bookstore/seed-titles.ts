/**
 * Real books for the demo: title | authors | year of first publication, under the genre of the shop's shelf.
 * Titles, authors and years are real (a year before 0 is BC; ancient works carry their customary date; of
 * works in parts, the first part). ISBNs, prices and stock are NOT real: see seed.ts for the rule.
 */
export const SEED_TITLES = `
# classic
Pride and Prejudice | Jane Austen | 1813
Sense and Sensibility | Jane Austen | 1811
Emma | Jane Austen | 1815
Jane Eyre | Charlotte Brontë | 1847
Wuthering Heights | Emily Brontë | 1847
The Tenant of Wildfell Hall | Anne Brontë | 1848
Great Expectations | Charles Dickens | 1861
David Copperfield | Charles Dickens | 1850
A Tale of Two Cities | Charles Dickens | 1859
Bleak House | Charles Dickens | 1853
Middlemarch | George Eliot | 1871
The Mill on the Floss | George Eliot | 1860
Tess of the d'Urbervilles | Thomas Hardy | 1891
Far from the Madding Crowd | Thomas Hardy | 1874
Vanity Fair | William Makepeace Thackeray | 1848
Moby-Dick | Herman Melville | 1851
The Scarlet Letter | Nathaniel Hawthorne | 1850
Adventures of Huckleberry Finn | Mark Twain | 1884
The Portrait of a Lady | Henry James | 1881
The Age of Innocence | Edith Wharton | 1920
The Picture of Dorian Gray | Oscar Wilde | 1890
Heart of Darkness | Joseph Conrad | 1899
War and Peace | Leo Tolstoy | 1869
Anna Karenina | Leo Tolstoy | 1878
Crime and Punishment | Fyodor Dostoevsky | 1866
The Brothers Karamazov | Fyodor Dostoevsky | 1880
The Idiot | Fyodor Dostoevsky | 1869
Fathers and Sons | Ivan Turgenev | 1862
Dead Souls | Nikolai Gogol | 1842
Madame Bovary | Gustave Flaubert | 1857
Les Misérables | Victor Hugo | 1862
The Hunchback of Notre-Dame | Victor Hugo | 1831
The Red and the Black | Stendhal | 1830
Père Goriot | Honoré de Balzac | 1835
Germinal | Émile Zola | 1885
Candide | Voltaire | 1759
Don Quixote | Miguel de Cervantes | 1605
The Sorrows of Young Werther | Johann Wolfgang von Goethe | 1774
Effi Briest | Theodor Fontane | 1895
Buddenbrooks | Thomas Mann | 1901
The Tale of Genji | Murasaki Shikibu | 1021

# fiction
The Great Gatsby | F. Scott Fitzgerald | 1925
To Kill a Mockingbird | Harper Lee | 1960
The Grapes of Wrath | John Steinbeck | 1939
Of Mice and Men | John Steinbeck | 1937
East of Eden | John Steinbeck | 1952
The Sun Also Rises | Ernest Hemingway | 1926
The Old Man and the Sea | Ernest Hemingway | 1952
For Whom the Bell Tolls | Ernest Hemingway | 1940
The Sound and the Fury | William Faulkner | 1929
As I Lay Dying | William Faulkner | 1930
The Catcher in the Rye | J. D. Salinger | 1951
Invisible Man | Ralph Ellison | 1952
Beloved | Toni Morrison | 1987
Song of Solomon | Toni Morrison | 1977
Their Eyes Were Watching God | Zora Neale Hurston | 1937
Catch-22 | Joseph Heller | 1961
Lolita | Vladimir Nabokov | 1955
Pale Fire | Vladimir Nabokov | 1962
On the Road | Jack Kerouac | 1957
Ulysses | James Joyce | 1922
A Portrait of the Artist as a Young Man | James Joyce | 1916
Mrs Dalloway | Virginia Woolf | 1925
To the Lighthouse | Virginia Woolf | 1927
A Passage to India | E. M. Forster | 1924
Brideshead Revisited | Evelyn Waugh | 1945
Lord of the Flies | William Golding | 1954
The Remains of the Day | Kazuo Ishiguro | 1989
Never Let Me Go | Kazuo Ishiguro | 2005
Midnight's Children | Salman Rushdie | 1981
Atonement | Ian McEwan | 2001
White Teeth | Zadie Smith | 2000
Wolf Hall | Hilary Mantel | 2009
Life of Pi | Yann Martel | 2001
The English Patient | Michael Ondaatje | 1992
The God of Small Things | Arundhati Roy | 1997
Things Fall Apart | Chinua Achebe | 1958
Half of a Yellow Sun | Chimamanda Ngozi Adichie | 2006
One Hundred Years of Solitude | Gabriel García Márquez | 1967
Pedro Páramo | Juan Rulfo | 1955
The House of the Spirits | Isabel Allende | 1982
Ficciones | Jorge Luis Borges | 1944
The Stranger | Albert Camus | 1942
The Plague | Albert Camus | 1947
Nausea | Jean-Paul Sartre | 1938
In Search of Lost Time | Marcel Proust | 1913
The Trial | Franz Kafka | 1925
The Castle | Franz Kafka | 1926
The Metamorphosis | Franz Kafka | 1915
The Magic Mountain | Thomas Mann | 1924
Steppenwolf | Hermann Hesse | 1927
Siddhartha | Hermann Hesse | 1922
All Quiet on the Western Front | Erich Maria Remarque | 1929
The Tin Drum | Günter Grass | 1959
The Master and Margarita | Mikhail Bulgakov | 1967
Doctor Zhivago | Boris Pasternak | 1957
The Unbearable Lightness of Being | Milan Kundera | 1984
The Name of the Rose | Umberto Eco | 1980
If on a winter's night a traveler | Italo Calvino | 1979
My Brilliant Friend | Elena Ferrante | 2011
Norwegian Wood | Haruki Murakami | 1987
Kafka on the Shore | Haruki Murakami | 2002
Kokoro | Natsume Sōseki | 1914
The Vegetarian | Han Kang | 2007
The Kite Runner | Khaled Hosseini | 2003
Blood Meridian | Cormac McCarthy | 1985
The Road | Cormac McCarthy | 2006
Infinite Jest | David Foster Wallace | 1996
The Secret History | Donna Tartt | 1992

# science-fiction
Frankenstein | Mary Shelley | 1818
Twenty Thousand Leagues Under the Seas | Jules Verne | 1870
The Time Machine | H. G. Wells | 1895
The War of the Worlds | H. G. Wells | 1898
We | Yevgeny Zamyatin | 1924
Brave New World | Aldous Huxley | 1932
Nineteen Eighty-Four | George Orwell | 1949
Fahrenheit 451 | Ray Bradbury | 1953
The Martian Chronicles | Ray Bradbury | 1950
Foundation | Isaac Asimov | 1951
I, Robot | Isaac Asimov | 1950
Childhood's End | Arthur C. Clarke | 1953
2001: A Space Odyssey | Arthur C. Clarke | 1968
Rendezvous with Rama | Arthur C. Clarke | 1973
Starship Troopers | Robert A. Heinlein | 1959
Stranger in a Strange Land | Robert A. Heinlein | 1961
Dune | Frank Herbert | 1965
Solaris | Stanisław Lem | 1961
Roadside Picnic | Arkady Strugatsky; Boris Strugatsky | 1972
Flowers for Algernon | Daniel Keyes | 1966
Do Androids Dream of Electric Sheep? | Philip K. Dick | 1968
The Man in the High Castle | Philip K. Dick | 1962
Ubik | Philip K. Dick | 1969
The Left Hand of Darkness | Ursula K. Le Guin | 1969
The Dispossessed | Ursula K. Le Guin | 1974
Slaughterhouse-Five | Kurt Vonnegut | 1969
Cat's Cradle | Kurt Vonnegut | 1963
Kindred | Octavia E. Butler | 1979
Parable of the Sower | Octavia E. Butler | 1993
The Hitchhiker's Guide to the Galaxy | Douglas Adams | 1979
Neuromancer | William Gibson | 1984
The Handmaid's Tale | Margaret Atwood | 1985
Ender's Game | Orson Scott Card | 1985
Consider Phlebas | Iain M. Banks | 1987
Hyperion | Dan Simmons | 1989
A Fire Upon the Deep | Vernor Vinge | 1992
Snow Crash | Neal Stephenson | 1992
Red Mars | Kim Stanley Robinson | 1992
The Three-Body Problem | Liu Cixin | 2008
The Martian | Andy Weir | 2011
Ancillary Justice | Ann Leckie | 2013
Station Eleven | Emily St. John Mandel | 2014

# fantasy
The Hobbit | J. R. R. Tolkien | 1937
The Fellowship of the Ring | J. R. R. Tolkien | 1954
The Two Towers | J. R. R. Tolkien | 1954
The Return of the King | J. R. R. Tolkien | 1955
The Once and Future King | T. H. White | 1958
A Wizard of Earthsea | Ursula K. Le Guin | 1968
Watership Down | Richard Adams | 1972
The Princess Bride | William Goldman | 1973
The Neverending Story | Michael Ende | 1979
The Colour of Magic | Terry Pratchett | 1983
Good Omens | Terry Pratchett; Neil Gaiman | 1990
American Gods | Neil Gaiman | 2001
The Eye of the World | Robert Jordan | 1990
A Game of Thrones | George R. R. Martin | 1996
Assassin's Apprentice | Robin Hobb | 1995
Jonathan Strange & Mr Norrell | Susanna Clarke | 2004
The Name of the Wind | Patrick Rothfuss | 2007
The Fifth Season | N. K. Jemisin | 2015

# children
Alice's Adventures in Wonderland | Lewis Carroll | 1865
The Wonderful Wizard of Oz | L. Frank Baum | 1900
Peter and Wendy | J. M. Barrie | 1911
The Wind in the Willows | Kenneth Grahame | 1908
Winnie-the-Pooh | A. A. Milne | 1926
The Secret Garden | Frances Hodgson Burnett | 1911
Anne of Green Gables | L. M. Montgomery | 1908
Little Women | Louisa May Alcott | 1868
Heidi | Johanna Spyri | 1881
The Adventures of Pinocchio | Carlo Collodi | 1883
Emil and the Detectives | Erich Kästner | 1929
The Little Prince | Antoine de Saint-Exupéry | 1943
Pippi Longstocking | Astrid Lindgren | 1945
Finn Family Moomintroll | Tove Jansson | 1948
The Lion, the Witch and the Wardrobe | C. S. Lewis | 1950
Charlotte's Web | E. B. White | 1952
A Wrinkle in Time | Madeleine L'Engle | 1962
Where the Wild Things Are | Maurice Sendak | 1963
Charlie and the Chocolate Factory | Roald Dahl | 1964
Matilda | Roald Dahl | 1988
Momo | Michael Ende | 1973
Harry Potter and the Philosopher's Stone | J. K. Rowling | 1997
Northern Lights | Philip Pullman | 1995
Holes | Louis Sachar | 1998

# crime
The Moonstone | Wilkie Collins | 1868
A Study in Scarlet | Arthur Conan Doyle | 1887
The Hound of the Baskervilles | Arthur Conan Doyle | 1902
The Murder of Roger Ackroyd | Agatha Christie | 1926
Murder on the Orient Express | Agatha Christie | 1934
And Then There Were None | Agatha Christie | 1939
Gaudy Night | Dorothy L. Sayers | 1935
The Maltese Falcon | Dashiell Hammett | 1930
The Big Sleep | Raymond Chandler | 1939
The Talented Mr. Ripley | Patricia Highsmith | 1955
The Spy Who Came in from the Cold | John le Carré | 1963
The Day of the Jackal | Frederick Forsyth | 1971
The Silence of the Lambs | Thomas Harris | 1988
The Girl with the Dragon Tattoo | Stieg Larsson | 2005
Gone Girl | Gillian Flynn | 2012

# adventure
Robinson Crusoe | Daniel Defoe | 1719
Gulliver's Travels | Jonathan Swift | 1726
Ivanhoe | Walter Scott | 1819
The Last of the Mohicans | James Fenimore Cooper | 1826
The Three Musketeers | Alexandre Dumas | 1844
The Count of Monte Cristo | Alexandre Dumas | 1844
Around the World in Eighty Days | Jules Verne | 1872
Treasure Island | Robert Louis Stevenson | 1883
King Solomon's Mines | H. Rider Haggard | 1885
Kim | Rudyard Kipling | 1901
The Call of the Wild | Jack London | 1903

# horror
Strange Case of Dr Jekyll and Mr Hyde | Robert Louis Stevenson | 1886
Dracula | Bram Stoker | 1897
The Turn of the Screw | Henry James | 1898
Rebecca | Daphne du Maurier | 1938
The Haunting of Hill House | Shirley Jackson | 1959
The Exorcist | William Peter Blatty | 1971
The Shining | Stephen King | 1977
It | Stephen King | 1986

# romance
Persuasion | Jane Austen | 1817
North and South | Elizabeth Gaskell | 1854
A Room with a View | E. M. Forster | 1908
Gone with the Wind | Margaret Mitchell | 1936
Love in the Time of Cholera | Gabriel García Márquez | 1985
Outlander | Diana Gabaldon | 1991
The Time Traveler's Wife | Audrey Niffenegger | 2003

# drama
Oedipus Rex | Sophocles | -429
Medea | Euripides | -431
Romeo and Juliet | William Shakespeare | 1597
Hamlet | William Shakespeare | 1603
Macbeth | William Shakespeare | 1623
Faust | Johann Wolfgang von Goethe | 1808
A Doll's House | Henrik Ibsen | 1879
The Cherry Orchard | Anton Chekhov | 1904
Waiting for Godot | Samuel Beckett | 1952
Death of a Salesman | Arthur Miller | 1949

# poetry
The Iliad | Homer | -750
The Odyssey | Homer | -725
The Aeneid | Virgil | -19
Metamorphoses | Ovid | 8
The Divine Comedy | Dante Alighieri | 1321
The Canterbury Tales | Geoffrey Chaucer | 1400
Paradise Lost | John Milton | 1667
Leaves of Grass | Walt Whitman | 1855
The Flowers of Evil | Charles Baudelaire | 1857
The Waste Land | T. S. Eliot | 1922

# philosophy
The Republic | Plato | -375
Nicomachean Ethics | Aristotle | -340
Meditations | Marcus Aurelius | 180
The Prince | Niccolò Machiavelli | 1532
Leviathan | Thomas Hobbes | 1651
Critique of Pure Reason | Immanuel Kant | 1781
On Liberty | John Stuart Mill | 1859
Thus Spoke Zarathustra | Friedrich Nietzsche | 1883
The Second Sex | Simone de Beauvoir | 1949
The Structure of Scientific Revolutions | Thomas S. Kuhn | 1962

# history
The Histories | Herodotus | -430
The History of the Decline and Fall of the Roman Empire | Edward Gibbon | 1776
The Guns of August | Barbara W. Tuchman | 1962
Guns, Germs, and Steel | Jared Diamond | 1997
SPQR: A History of Ancient Rome | Mary Beard | 2015
Sapiens: A Brief History of Humankind | Yuval Noah Harari | 2011

# biography
Confessions | Augustine of Hippo | 400
Walden | Henry David Thoreau | 1854
Narrative of the Life of Frederick Douglass | Frederick Douglass | 1845
The Diary of a Young Girl | Anne Frank | 1947
If This Is a Man | Primo Levi | 1947
Long Walk to Freedom | Nelson Mandela | 1994
Persepolis | Marjane Satrapi | 2000

# science
On the Origin of Species | Charles Darwin | 1859
Silent Spring | Rachel Carson | 1962
The Double Helix | James D. Watson | 1968
The Selfish Gene | Richard Dawkins | 1976
Cosmos | Carl Sagan | 1980
A Brief History of Time | Stephen Hawking | 1988
The Feynman Lectures on Physics | Richard P. Feynman; Robert B. Leighton; Matthew Sands | 1963
Thinking, Fast and Slow | Daniel Kahneman | 2011

# computing
The Art of Computer Programming | Donald E. Knuth | 1968
The Mythical Man-Month | Frederick P. Brooks Jr. | 1975
The C Programming Language | Brian W. Kernighan; Dennis M. Ritchie | 1978
Gödel, Escher, Bach | Douglas R. Hofstadter | 1979
Structure and Interpretation of Computer Programs | Harold Abelson; Gerald Jay Sussman | 1985
Design Patterns | Erich Gamma; Richard Helm; Ralph Johnson; John Vlissides | 1994
TCP/IP Illustrated, Volume 1 | W. Richard Stevens | 1994
The Pragmatic Programmer | Andrew Hunt; David Thomas | 1999
Refactoring | Martin Fowler | 1999
Designing Data-Intensive Applications | Martin Kleppmann | 2017
`;
